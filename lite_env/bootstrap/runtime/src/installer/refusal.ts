/** Why a command is not done, with what to do about it; `message` and `hint` are all that the kernel's worker reads. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly hint: string | null = null
  ) {
    super(message);
    this.name = 'InstallFailed';
  }
}
