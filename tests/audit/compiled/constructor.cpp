extern "C" int puts(const char *text);
struct Told { Told() { puts("constructed"); } };
static Told told;
extern "C" int value() { return 1; }
