"""The files in which fund companies publish their holdings, and the sets made of them."""
