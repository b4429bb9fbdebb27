/**
 * A directory that has one path here and another name in the builder and in the image, so
 * that the same phase works inside the builder (both are equal) and outside of it.
 */
export interface Place {
  /** Where it is on this machine. */
  readonly path: string;
  /** What it is called in the builder and in layers: `/layers`, `/workspace`. */
  readonly name: string;
  /**
   * Owner and mode that its own and its parents' entries get in layers. Absent: as they are
   * on disk (what the reference does). Given by the platform, whose directories belong to
   * whoever builds.
   */
  readonly parents?: Owner & { readonly mode: number };
}

/** Numeric owner of files in a layer. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The place whose path here is its name. */
export function here(path: string): Place {
  return { path, name: path };
}
