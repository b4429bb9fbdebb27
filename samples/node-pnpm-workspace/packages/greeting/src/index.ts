import ms from "ms";

/** What the web package answers; the time since its start is for people. */
export function greeting(uptime: number): string {
  return `Hello from a pnpm workspace, up for ${ms(Math.round(uptime) * 1000, { long: true })}\n`;
}
