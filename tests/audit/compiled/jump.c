#include <setjmp.h>
extern int puts(const char *text);
static jmp_buf back;
int jump(const char *text) { return setjmp(back) ? 1 : puts(text); }
