"""The Pulumi engine as a program: how it is called, what it says, what a killed one leaves behind."""
