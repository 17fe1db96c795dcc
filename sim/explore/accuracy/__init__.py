"""How near networks in integers are to floating point, beside another program's integers."""
