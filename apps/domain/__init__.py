"""The domain: rules are pure, queries read, operations write and demand a `Grant`."""
