"""What readers get beside SQL: story, brief, claims report, trace. Asked of the published file."""
