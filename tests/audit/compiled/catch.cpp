extern "C" int guarded(int (*call)()) {
  try { return call(); } catch (int error) { return error; }
}
