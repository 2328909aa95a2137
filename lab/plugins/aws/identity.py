"""Resource types of IAM: roles, policies, instance profiles and OpenID Connect providers."""

from __future__ import annotations

import json
from typing import Any

from lab.plugins.aws.account import Account
from lab.plugins.aws.kinds import ResourceKind, without
from lab.plugins.aws.parameters import tag_list
from lab.plugins.generic.emulated import Missing
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.values import Properties

MAX_INLINE_CHARACTERS = 10_240
"""Maximum size of all inline policies of a role together, without white space
(docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
"""


class Role(ResourceKind):
    """A role. `destroy` detaches nothing: policies are separate resources."""

    in_place = ("tags", "description", "assumeRolePolicy", "maxSessionDuration", "permissionsBoundary")

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the role."""
        renames = {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"}
        account.create("iam", "CreateRole", inputs, renames)
        return str(inputs["name"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN and the unique id."""
        role = account.call("iam", "GetRole", RoleName=identity)["Role"]
        return {"arn": role["Arn"], "uniqueId": role["RoleId"]}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the trust policy, the permissions boundary, the description or the tags."""
        if "assumeRolePolicy" in changed:
            policy = inputs["assumeRolePolicy"]
            account.call("iam", "UpdateAssumeRolePolicy", RoleName=identity, PolicyDocument=policy)
        if "permissionsBoundary" in changed:
            if boundary := inputs.get("permissionsBoundary"):
                account.call(
                    "iam", "PutRolePermissionsBoundary", RoleName=identity, PermissionsBoundary=boundary
                )
            else:
                account.call("iam", "DeleteRolePermissionsBoundary", RoleName=identity)
        if changed & {"description", "maxSessionDuration"}:
            text = inputs.get("description", "")
            account.call("iam", "UpdateRole", RoleName=identity, Description=text)
        if "tags" in changed:
            present = account.call("iam", "ListRoleTags", RoleName=identity)["Tags"]
            if keys := [tag["Key"] for tag in present if tag["Key"] not in (inputs.get("tags") or {})]:
                account.call("iam", "UntagRole", RoleName=identity, TagKeys=keys)
            account.call("iam", "TagRole", RoleName=identity, Tags=tag_list(inputs.get("tags")))
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the role."""
        account.call("iam", "DeleteRole", RoleName=identity)


class RolePolicy(ResourceKind):
    """An inline policy of a role. Its id is `<role>:<policy>`."""

    in_place = ("policy",)

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the policy."""
        self._put(account, inputs)
        return f"{inputs['role']}:{inputs['name']}"

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Check that the policy exists."""
        role, _, name = identity.partition(":")
        account.call("iam", "GetRolePolicy", RoleName=role, PolicyName=name)
        return {}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Change the policy."""
        self._put(account, inputs)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the policy."""
        role, _, name = identity.partition(":")
        account.call("iam", "DeleteRolePolicy", RoleName=role, PolicyName=name)

    def _put(self, account: Account, inputs: Properties) -> None:
        """Write the policy. Raise PluginError if the inline policies of the role become too large."""
        role, name = inputs["role"], inputs["name"]
        documents = {
            other: account.call("iam", "GetRolePolicy", RoleName=role, PolicyName=other)["PolicyDocument"]
            for other in account.call("iam", "ListRolePolicies", RoleName=role)["PolicyNames"]
        } | {name: json.loads(inputs["policy"])}
        size = sum(len(json.dumps(item, separators=(",", ":"))) for item in documents.values())
        if size > MAX_INLINE_CHARACTERS:
            raise PluginError(
                f"{role}: the inline policies have {size} characters, over {MAX_INLINE_CHARACTERS}"
            )
        document = {"PolicyDocument": inputs["policy"]}
        account.call("iam", "PutRolePolicy", RoleName=role, PolicyName=name, **document)


class Policy(ResourceKind):
    """A managed policy. Its id is its ARN."""

    in_place = ("policy",)

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the policy."""
        renames = {"name": "PolicyName", "policy": "PolicyDocument"}
        return str(account.create("iam", "CreatePolicy", inputs, renames)["Policy"]["Arn"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN."""
        policy = account.call("iam", "GetPolicy", PolicyArn=identity)["Policy"]
        return {"arn": identity, "policyId": policy["PolicyId"]}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Create a version of the policy, and delete the other versions."""
        document = inputs["policy"]
        account.call(
            "iam", "CreatePolicyVersion", PolicyArn=identity, PolicyDocument=document, SetAsDefault=True
        )
        self._delete_old_versions(account, identity)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the policy with all its versions."""
        self._delete_old_versions(account, identity)
        account.call("iam", "DeletePolicy", PolicyArn=identity)

    def _delete_old_versions(self, account: Account, identity: str) -> None:
        for version in account.call("iam", "ListPolicyVersions", PolicyArn=identity)["Versions"]:
            if not version["IsDefaultVersion"]:
                number = version["VersionId"]
                account.call("iam", "DeletePolicyVersion", PolicyArn=identity, VersionId=number)


class RolePolicyAttachment(ResourceKind):
    """The attachment of a managed policy to a role."""

    def create(self, account: Account, inputs: Properties) -> str:
        """Attach the policy."""
        account.create("iam", "AttachRolePolicy", inputs, {"role": "RoleName"})
        return f"{inputs['role']}-{inputs['policyArn']}"

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Check that the policy is attached."""
        response = account.call("iam", "ListAttachedRolePolicies", RoleName=inputs["role"])
        if inputs["policyArn"] not in [item["PolicyArn"] for item in response["AttachedPolicies"]]:
            raise Missing(f"{identity}: not attached")
        return {}

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Detach the policy."""
        role, policy = state["role"], state["policyArn"]
        account.call("iam", "DetachRolePolicy", RoleName=role, PolicyArn=policy)


class InstanceProfile(ResourceKind):
    """An instance profile with one role."""

    in_place = ("role",)

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the profile and add its role."""
        name = str(inputs["name"])
        account.create(
            "iam", "CreateInstanceProfile", without(inputs, "role"), {"name": "InstanceProfileName"}
        )
        account.call("iam", "AddRoleToInstanceProfile", InstanceProfileName=name, RoleName=inputs["role"])
        return name

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN."""
        profile = self._find(account, identity)
        return {"arn": profile["Arn"], "uniqueId": profile["InstanceProfileId"]}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Replace the role."""
        self._remove_roles(account, identity)
        account.call("iam", "AddRoleToInstanceProfile", InstanceProfileName=identity, RoleName=inputs["role"])
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Remove the role and delete the profile."""
        self._remove_roles(account, identity)
        account.call("iam", "DeleteInstanceProfile", InstanceProfileName=identity)

    def _find(self, account: Account, identity: str) -> Any:  # noqa: ANN401 — JSON
        return account.call("iam", "GetInstanceProfile", InstanceProfileName=identity)["InstanceProfile"]

    def _remove_roles(self, account: Account, identity: str) -> None:
        for role in self._find(account, identity)["Roles"]:
            name = role["RoleName"]
            account.call("iam", "RemoveRoleFromInstanceProfile", InstanceProfileName=identity, RoleName=name)


class OpenIdConnectProvider(ResourceKind):
    """An issuer of tokens that roles can trust. Its id is its ARN."""

    in_place = ("tags",)

    def create(self, account: Account, inputs: Properties) -> str:
        """Create the provider."""
        renames = {"clientIdLists": "ClientIDList", "thumbprintLists": "ThumbprintList"}
        response = account.create("iam", "CreateOpenIDConnectProvider", inputs, renames)
        return str(response["OpenIDConnectProviderArn"])

    def describe(self, account: Account, identity: str, inputs: Properties) -> Properties:
        """Return the ARN."""
        account.call("iam", "GetOpenIDConnectProvider", OpenIDConnectProviderArn=identity)
        return {"arn": identity}

    def update(self, account: Account, identity: str, inputs: Properties, changed: frozenset[str]) -> str:
        """Replace the tags."""
        target = {"OpenIDConnectProviderArn": identity}
        present = account.call("iam", "ListOpenIDConnectProviderTags", **target)["Tags"]
        if keys := [tag["Key"] for tag in present if tag["Key"] not in (inputs.get("tags") or {})]:
            account.call("iam", "UntagOpenIDConnectProvider", TagKeys=keys, **target)
        account.call("iam", "TagOpenIDConnectProvider", Tags=tag_list(inputs.get("tags")), **target)
        return identity

    def delete(self, account: Account, identity: str, state: Properties) -> None:
        """Delete the provider."""
        account.call("iam", "DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=identity)
