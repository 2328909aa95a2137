"""Operations on a running cluster. They use SSH and the state of the stack, but no Pulumi program."""
