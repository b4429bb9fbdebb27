import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";
import { detect, type DetectResult } from "../../lifecycle/phases/detect.ts";
import { type Fixture, fixture } from "./builder-fixture.ts";

/** A script that writes a build plan. */
export const plan = (text: string): string => `cat > "$2" <<'EOF'\n${text}\nEOF`;

/** The buildpacks of the chosen group. */
export const ids = ({ group }: DetectResult): readonly string[] => group.group.map(({ id }) => id);

interface Element {
  readonly id: string;
  readonly version?: string;
  readonly optional?: boolean;
  readonly execEnv?: readonly string[];
}

interface Options {
  readonly api?: string;
  readonly execEnv?: string;
  readonly target?: { readonly os: string; readonly arch: string; readonly archVariant?: string };
  readonly system?: { readonly pre: readonly Element[]; readonly post: readonly Element[] };
}

/** What detection of a builder with one order is asked, and what it shows. */
export interface Detecting {
  readonly builder: Fixture;
  readonly run: (order: readonly (readonly (string | Element)[])[], options?: Options) => Promise<DetectResult>;
  /** The log without its debug lines. */
  readonly said: () => readonly string[];
  /** The lines of the file `env` that a buildpack wrote into the application. */
  readonly seen: () => readonly string[];
}

/** Gives every test of the file that calls it a builder of its own. */
export function detecting(): Detecting {
  let builder: Fixture;
  beforeEach(() => {
    builder = fixture();
  });
  afterEach(() => builder.remove());
  return {
    get builder() {
      return builder;
    },
    run: (order, options = {}) => {
      const { api, system, ...more } = options;
      const full = (element: string | Element): { id: string; version: string; optional?: boolean } =>
        typeof element === "string" ? { id: element, version: "1.0.0" } : { version: "1.0.0", ...element };
      return detect(
        {
          ...builder.inputs(api, more),
          order: { order: order.map((group) => ({ group: group.map(full) })), orderExtensions: [] },
          extensionsDir: undefined,
          system: system === undefined ? undefined : { pre: system.pre.map(full), post: system.post.map(full) },
        },
        { ctx: builder.ctx },
      );
    },
    said: () => builder.log.filter((line) => !line.startsWith("debug ")),
    seen: () => readFileSync(join(builder.app.path, "env"), "utf8").trimEnd().split("\n"),
  };
}
