"""Code that all cloud providers share: boot program, machine configs, health gates, price estimates."""
