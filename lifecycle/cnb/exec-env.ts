/**
 * Whether something with a list of execution environments is for this one. No list, an empty one and
 * `*` are for all; without an environment (Platform API below 0.15) nothing is left out. Buildpack
 * specification, "Execution Environments".
 */
export function isForExecEnv(wanted: readonly string[] | undefined, execEnv: string | undefined): boolean {
  if (execEnv === undefined || execEnv === "" || wanted === undefined || wanted.length === 0) return true;
  return wanted.includes("*") || wanted.includes(execEnv);
}
