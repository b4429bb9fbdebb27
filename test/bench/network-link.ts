/** How slow a network is. */
export interface NetworkSpeed {
  /** Milliseconds from one end to the other. */
  readonly delay: number;
  /** Bits in a second, in each direction. */
  readonly bitRate: number;
}

/** When a piece of data has left, and when it is there, in milliseconds of the clock that was given. */
export interface Passage {
  readonly leftAt: number;
  readonly arrivesAt: number;
}

/** One direction of a network: all connections share its rate, in the order in which their data comes. */
export class NetworkLink {
  readonly #speed: NetworkSpeed;
  #freeAt = 0;

  constructor(speed: NetworkSpeed) {
    this.#speed = speed;
  }

  /** Takes the next piece of so many bytes, at `now`. */
  carry(bytes: number, now: number): Passage {
    const leftAt = Math.max(now, this.#freeAt) + (bytes * 8 * 1000) / this.#speed.bitRate;
    this.#freeAt = leftAt;
    return { leftAt, arrivesAt: leftAt + this.#speed.delay };
  }
}
