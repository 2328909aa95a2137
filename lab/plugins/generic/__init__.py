"""The parts that the stand-ins for `aws` and `azure-native` share: previews that create nothing, and
resources in an emulated cloud.
"""
