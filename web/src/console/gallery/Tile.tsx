import type { CSSProperties, HTMLAttributes } from 'react';

interface Props extends HTMLAttributes<HTMLLIElement> {
  /** Width by height. */
  ratio: number;
}

/** Tiles of all shapes fill rows of about the same height, in their order. */
export function Tile({ ratio, className, ...rest }: Props) {
  return <li className={`tile ${className ?? ''}`} style={{ '--ratio': ratio } as CSSProperties} {...rest} />;
}
