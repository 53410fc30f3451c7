import PROGRAM from './program.py';

/** A cell of Python that runs the file at that absolute path. */
export function pythonProgram(path: string): string {
  return `${PROGRAM}\n\n_lite_env_run(${JSON.stringify(path)})\n`;
}
