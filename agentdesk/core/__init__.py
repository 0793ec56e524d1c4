"""What every layer may use: errors, ids, money, time, canonical JSON, text."""
