"""The EOSIO/FIO profile: header state, two-stage finality, schedule change."""
