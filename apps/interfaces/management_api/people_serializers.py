"""The management API's words for people, approvals and usage."""

from typing import Any

from rest_framework import serializers

from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission

_ASKED = [p.value for p in Permission if p.startswith(("keys/", "secrets/", "certificates/"))]


class PersonSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(read_only=True)
    duty = serializers.CharField(read_only=True)
    last_login = serializers.DateTimeField(read_only=True)


class InvitationSerializer(serializers.Serializer[Any]):
    """An invitation; the token is told once."""

    duty = serializers.ChoiceField(choices=[role.value for role in PersonRole])
    username = serializers.CharField(max_length=128, required=False, default="", allow_blank=True)
    token = serializers.CharField(read_only=True)
    path = serializers.CharField(read_only=True, help_text="on the portal's host")


class ApprovalSerializer(serializers.Serializer[Any]):
    """A request for a second person."""

    id = serializers.UUIDField(read_only=True)
    act = serializers.CharField(read_only=True)
    vault = serializers.CharField(read_only=True, source="vault_name")
    subject = serializers.CharField(read_only=True)
    change = serializers.DictField(read_only=True)
    requester = serializers.CharField(read_only=True)
    state = serializers.CharField(read_only=True)
    created = serializers.DateTimeField(read_only=True)
    expires = serializers.DateTimeField(read_only=True)
    decider = serializers.CharField(read_only=True)
    note = serializers.CharField(read_only=True)


class CallerSerializer(serializers.Serializer[Any]):
    caller = serializers.CharField(read_only=True)
    count = serializers.IntegerField(read_only=True)
    latest = serializers.DateTimeField(read_only=True)


class ChangeSerializer(serializers.Serializer[Any]):
    """What an act changes."""

    what = serializers.CharField(read_only=True)
    now = serializers.CharField(read_only=True)
    afterwards = serializers.CharField(read_only=True)


class OneApprovalSerializer(ApprovalSerializer):
    """With what the approver must see."""

    changes = ChangeSerializer(many=True, read_only=True)
    callers = CallerSerializer(many=True, read_only=True, help_text="of the last 90 days")
    last_use = serializers.DateTimeField(read_only=True, allow_null=True)
    breaks = serializers.BooleanField(read_only=True, help_text="whether callers are in its way")


class DecisionSerializer(serializers.Serializer[Any]):
    approve = serializers.BooleanField()
    note = serializers.CharField(max_length=500, required=False, default="", allow_blank=True)


class QuestionSerializer(serializers.Serializer[Any]):
    """Who, what, where."""

    principal = serializers.CharField(max_length=150, help_text="name or client id of an application, or a person")
    permission = serializers.ChoiceField(choices=_ASKED)
    vault = serializers.CharField(max_length=24)
    object = serializers.CharField(max_length=127, required=False, default="")


class ExplanationSerializer(serializers.Serializer[Any]):
    allowed = serializers.BooleanField(read_only=True)
    because = serializers.CharField(read_only=True)
    roles = serializers.ListField(child=serializers.CharField(), read_only=True)


class SwitchSerializer(serializers.Serializer[Any]):
    """Stopping or letting go on."""

    enabled = serializers.BooleanField()
