"""Checks before `up`: may the delivered state of all hosts become the requested state?"""
