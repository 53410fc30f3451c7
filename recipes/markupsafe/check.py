import markupsafe

# The compiled half, not the one in Python that stands in for it.
assert markupsafe._escape_inner.__module__ == "markupsafe._speedups"
assert markupsafe.escape("<a&\"'>") == "&lt;a&amp;&#34;&#39;&gt;"
assert markupsafe.Markup("<em>%s</em>") % "<ü>" == "<em>&lt;ü&gt;</em>"
