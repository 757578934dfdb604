"""The type check that runs while testing: beartype, with whole numbers welcome where a float is declared (PEP 484)."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
