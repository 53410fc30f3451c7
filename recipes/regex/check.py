import regex

assert regex.findall(r"\b\p{Lu}\w+", "Ärger und Übermut") == ["Ärger", "Übermut"]
assert regex.fullmatch(r"(?:cats|cat){e<=1}", "cut")
assert regex.sub(r"(?V1)(?|(a)|(b))", r"<\1>", "ab") == "<a><b>"
