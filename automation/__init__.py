"""Commands around the program: preparing the machine, running the engine, the local stack."""
