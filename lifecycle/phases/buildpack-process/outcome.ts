import { constants } from "node:os";

/** How an executable of a buildpack ended. Every way is expected: what it means is the phase's business. */
export type ProcessOutcome =
  | { readonly kind: "exited"; readonly exitCode: number }
  | { readonly kind: "signaled"; readonly signal: NodeJS.Signals }
  /** Killed after `timeout` milliseconds. */
  | { readonly kind: "timed-out"; readonly timeout: number }
  /** It never ran; `reason` is the operating system's, with the path. */
  | { readonly kind: "not-started"; readonly reason: string };

const signalNames: Readonly<Record<string, string>> = {
  SIGHUP: "hangup",
  SIGINT: "interrupt",
  SIGQUIT: "quit",
  SIGILL: "illegal instruction",
  SIGTRAP: "trace/breakpoint trap",
  SIGABRT: "aborted",
  SIGBUS: "bus error",
  SIGFPE: "floating point exception",
  SIGKILL: "killed",
  SIGUSR1: "user defined signal 1",
  SIGSEGV: "segmentation fault",
  SIGUSR2: "user defined signal 2",
  SIGPIPE: "broken pipe",
  SIGALRM: "alarm clock",
  SIGTERM: "terminated",
};

/** How it ended, in the words that platforms know: `exit status 1`, `signal: killed`. */
export function outcomeText(outcome: ProcessOutcome): string {
  switch (outcome.kind) {
    case "exited":
      return `exit status ${outcome.exitCode}`;
    case "signaled":
      return `signal: ${signalNames[outcome.signal] ?? `signal ${constants.signals[outcome.signal]}`}`;
    case "timed-out":
      return `took longer than ${outcome.timeout / 1000} s`;
    case "not-started":
      return outcome.reason;
  }
}
