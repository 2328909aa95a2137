"""What the clouds' providers share: the boot program, the store's units, commands that wait or operate."""
