"""The parts that the stand-ins for `aws` and `azure-native` share: previews that create nothing, and the
provider for resources in an emulated cloud.
"""
