"""Operations on a running cluster. They use SSH and the state of the stack, and do not run the Pulumi program."""
