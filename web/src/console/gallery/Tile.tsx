import type { CSSProperties, HTMLAttributes } from 'react';

interface Props extends HTMLAttributes<HTMLLIElement> {
  /** Width divided by height. */
  ratio: number;
}

/** Tiles of different aspect ratios fill rows of about the same height. */
export function Tile({ ratio, className, ...rest }: Props) {
  return <li className={`tile ${className ?? ''}`} style={{ '--ratio': ratio } as CSSProperties} {...rest} />;
}
