/** One thing about this machine that builds depend on. */
export interface Finding {
  /** What kind of thing it is: `runner`, `engine`, `registry`. */
  readonly area: string;
  readonly name: string;
  /** `warning`: something does not work that not everybody needs. */
  readonly state: "ok" | "warning" | "failed";
  /** What was found. It never has a secret in it. */
  readonly detail: string;
  /** What to do; only where something does not work. */
  readonly remedy?: string | undefined;
}
