"""Forms of the way in. Each duty's forms live in its package."""

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password


class AcceptForm(forms.Form):
    """Name and password of a person who was invited."""

    username = forms.CharField(
        label="Username",
        max_length=128,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label="Password",
        help_text="At least 12 characters. The next page sets up two-factor authentication.",
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="Confirm password",
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("password") and data.get("password") != data.get("again"):
            self.add_error("again", "The passwords do not match.")
        return data
