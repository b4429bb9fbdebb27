/** Ends the command with a status that is somebody else's: of the process that was run. */
export class ExitWith extends Error {
  override readonly name = "ExitWith";
  readonly code: number;

  /** `cause` is an error of ours that ends with this status instead of its own. */
  constructor(code: number, cause?: unknown) {
    super(`exit ${code}`, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}
