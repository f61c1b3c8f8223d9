-- Why a published value changed, as a clause: what became of the input that did it, and where it stands.
CREATE OR REPLACE MACRO cause_in_words(cause_table, cause_key, cause, other_causes) AS
CASE
    WHEN cause_table IS NULL THEN 'no input that changed explains it'
    WHEN cause_table = 'code' OR cause_key IS NULL THEN 'another version of capshock computes it'
    ELSE
        CASE cause_table
            WHEN 'raw.prices' THEN format('the bar of {} on {}', cause_key[1], cause_key[2])
            WHEN 'raw.index_levels' THEN format('the level of {} on {}', cause_key[1], cause_key[2])
            WHEN 'raw.splits' THEN format('the split of {} on {}', cause_key[1], cause_key[2])
            WHEN 'raw.dividends' THEN format('the dividend of {} on {}', cause_key[1], cause_key[2])
            WHEN 'raw.shares_outstanding'
                THEN format('the share count of {} reported on {}', cause_key[1], cause_key[2])
            WHEN 'ref.securities' THEN format('the line {} among the securities', cause_key[1])
            WHEN 'ref.symbol_changes'
                THEN format('the change of the name {} on {}', cause_key[1], cause_key[2])
            WHEN 'ref.indices'
                THEN format('the description of {} from {} on', cause_key[1], cause_key[2])
            WHEN 'ref.index_holdings'
                THEN format(
                    '{} among the members of {} from {} on', cause_key[3], cause_key[1], cause_key[2]
                )
            WHEN 'ref.share_count_decisions'
                THEN format(
                    'the decision on the share count of {} reported on {}', cause_key[1], cause_key[2]
                )
            WHEN 'ref.split_decisions'
                THEN format('the decision on what {} did on {}', cause_key[1], cause_key[2])
            WHEN 'ref.claims' THEN format('the claim {}', cause_key[1])
            ELSE format('the row {}', array_to_string(cause_key, ' '))
        END
        || CASE cause
            WHEN 'appeared' THEN format(' came ({})', cause_table)
            WHEN 'vanished' THEN format(' is gone ({})', cause_table)
            ELSE format(' changed ({}: {})', cause_table, cause)
        END
        || CASE coalesce(other_causes, 0)
            WHEN 0 THEN ''
            WHEN 1 THEN ', and another input with it'
            ELSE format(', and {:,} other inputs with it', other_causes)
        END
END;

COMMENT ON MACRO cause_in_words IS
'cause_in_words(cause_table, cause_key, cause, other_causes): why a published value changed, of a row of ops.restatements, as a clause to stand after "because".';
