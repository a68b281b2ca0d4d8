"""Dance models compared: adapters beside fine-tuning, songs never heard, what people prefer."""
