"""What transactions do on an EOSIO/FIO chain: one module an operation, and what is around."""
