/* No static constructors, and a function that does nothing but call another one. */
extern int puts(const char *text);
__attribute__((visibility("hidden"), noinline)) void quiet(void) { puts("quiet"); }
void loud(void) { quiet(); }
