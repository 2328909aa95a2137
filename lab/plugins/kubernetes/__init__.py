"""Stand-in for the official plugin `kubernetes` 4.34.2: objects of the API and Helm releases."""
