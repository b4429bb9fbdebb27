/** One kind of container that builds have to work in. */
export interface Row {
  readonly id: string;
  readonly what: string;
  /** Of `docker run`. */
  readonly flags: readonly string[];
  /** Who the volumes belong to. */
  readonly owner: string;
  /** Flags of the creator besides those of every row. */
  readonly creator?: readonly string[];
  /** Phases in containers of their own, those that run buildpacks without network. */
  readonly phases?: true;
  /** No network at all; the image goes into a layout. */
  readonly layout?: true;
  /** `/layers` is in memory too instead of on a volume. */
  readonly tmpfsLayers?: true;
  /** What `lifecycle doctor` calls it, when that is not its own letter. */
  readonly doctor?: string;
}

const builder = "1000:1000";
const restricted = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"];
// The writable places besides the volumes of the platform.
const readOnly = ["--read-only", "--tmpfs", "/tmp:mode=1777"];
const openShift = "1000650000:0";

/** The table of this directory's README. */
export const rows: readonly Row[] = [
  { id: "A", what: "root default", flags: ["--user", "0:0"], owner: builder },
  {
    id: "B",
    what: "root, drop ALL, no-new-privileges, -allow-root",
    flags: ["--user", "0:0", ...restricted],
    owner: "0:0",
    creator: ["-allow-root"],
  },
  { id: "C", what: "uid 1000", flags: [], owner: builder },
  { id: "D", what: "uid 1000, drop ALL, no-new-privileges, default seccomp", flags: restricted, owner: builder },
  {
    id: "E",
    what: "as D, read-only root, tmpfs for /layers and /tmp only",
    flags: [...restricted, ...readOnly],
    tmpfsLayers: true,
    owner: builder,
  },
  {
    id: "F",
    what: "as D, without /proc masks",
    flags: [...restricted, "--security-opt", "systempaths=unconfined"],
    owner: builder,
  },
  {
    id: "G",
    what: "uid 4321 not in /etc/passwd, gid 0",
    flags: ["--user", "4321:0", ...restricted],
    owner: "4321:0",
  },
  {
    id: "H",
    what: "uid 1000650000 gid 0, drop ALL, no-new-privileges, read-only",
    flags: ["--user", openShift, ...restricted, ...readOnly],
    owner: openShift,
  },
  { id: "I", what: "no network for buildpacks", flags: restricted, owner: builder, phases: true, doctor: "D" },
  { id: "J", what: "--network none, cached, layout", flags: restricted, owner: builder, layout: true },
];
