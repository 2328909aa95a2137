"""Operations on a running cluster by SSH and the state of the stack, without running the Pulumi program."""
