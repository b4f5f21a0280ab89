//! The custom resources of `shops.warung.dev/v1alpha1`.
