"""Settings of the portals in the browser: sign-in, sessions, static files."""

from vaultportal.env import env_certificates, env_int, env_secret, env_str
from vaultportal.settings.base import BASE_DIR

APPS = [
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "axes",
    "django_htmx",
    "django_include_bootstrap",
    "template_partials",
    "apps.interfaces.console",
]
MIDDLEWARE = [
    "apps.interfaces.console.middleware.PortalMiddleware",
    "allauth.account.middleware.AccountMiddleware",  # the library wants it here; it changes nothing on other hosts
]
# What PortalMiddleware does on the portals' hosts only: vaults have no cookies.
PORTAL_MIDDLEWARE = [
    "apps.interfaces.console.middleware.ContentSecurityPolicy",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.interfaces.console.middleware.RejectNulBytes",
    "apps.interfaces.console.session_cookies.SessionCookies",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "apps.interfaces.console.middleware.RequireRole",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "apps.interfaces.console.middleware.RequireSecondFactor",
    "axes.middleware.AxesMiddleware",
    "apps.interfaces.console.middleware.DatabaseUnavailable",
]
CONTEXT_PROCESSORS = [
    "django.template.context_processors.request",
    "django.contrib.auth.context_processors.auth",
    "django.contrib.messages.context_processors.messages",
    "apps.interfaces.console.page_context.page_frame",
]
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]

SESSION_ENGINE = "apps.domain.identity.portal_sessions"
SESSION_COOKIE_NAME = "__Host-session"
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_SAMESITE = "Lax"  # Strict would drop the session on the return from single sign-on
SESSION_COOKIE_AGE = 8 * 3600  # equal to TOKEN_LIFETIME (apps/domain/identity/device_sign_in.py)
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_NAME = "__Host-csrf"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 3600

# Accept a password alone on the management API: never where people have second factors.
MANAGEMENT_BASIC = env_int("MANAGEMENT_BASIC", 0) == 1
# The text of the badge in the top bar.
ENVIRONMENT_NAME = env_str("ENVIRONMENT_NAME", "self-hosted")

# The certificate authority of this installation, for download at /ca.pem. None: no such page.
OWN_CA = env_certificates("OWN_CA")

# Counters of failed attempts, here and in the libraries: shared by all processes.
CACHES = {"default": {"BACKEND": "apps.core.shared_state.SharedStore"}}

LOGIN_URL = "/account/login/"
LOGIN_REDIRECT_URL = "/"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"  # no mail is sent

ACCOUNT_ADAPTER = "apps.interfaces.console.sign_in_adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"
# Passwords are counted per person and address by django-axes; the second setting limits guesses of a second factor.
ACCOUNT_RATE_LIMITS = {"login_failed": "60/m/ip,10/300s/key"}
MFA_FORMS = {
    "authenticate": "apps.interfaces.console.second_factor_forms.AuthenticateOnceForm",
    "reauthenticate": "apps.interfaces.console.second_factor_forms.ReauthenticateOnceForm",
}
MFA_ADAPTER = "apps.interfaces.console.sign_in_adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Vault Portal"
MFA_TOTP_TOLERANCE = 1
USERSESSIONS_TRACK_ACTIVITY = True
SOCIALACCOUNT_ADAPTER = "apps.interfaces.console.sign_in_adapters.CompanyAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False

SILENCED_SYSTEM_CHECKS = ["axes.W002", "guardian.W001"]  # the middleware of the first is in PORTAL_MIDDLEWARE

AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # with one of them alone anybody could lock a person out
AXES_USERNAME_FORM_FIELD = "login"
AXES_USERNAME_CALLABLE = "apps.interfaces.console.sign_in_adapters.username_of"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_LOCKOUT_TEMPLATE = "portal/locked.html"
AXES_CLIENT_IP_CALLABLE = "apps.interfaces.console.sign_in_adapters.address_of"
AXES_SENSITIVE_PARAMETERS: list[str] = []

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# The OpenID Connect provider for single sign-on; none without an issuer.
OIDC_ISSUER = env_str("OIDC_ISSUER", "")
SOCIALACCOUNT_PROVIDERS = (
    {
        "openid_connect": {
            "OAUTH_PKCE_ENABLED": True,
            "APPS": [
                {
                    "provider_id": "company",
                    "name": env_str("OIDC_NAME", "Company account"),
                    "client_id": env_str("OIDC_CLIENT_ID"),
                    "secret": env_secret("OIDC_CLIENT_SECRET"),
                    "settings": {"server_url": OIDC_ISSUER},
                }
            ],
        }
    }
    if OIDC_ISSUER
    else {}
)
