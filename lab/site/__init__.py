"""The documentation site: what mkdocs (mkdocs.yml) cannot take from docs/ by itself."""
