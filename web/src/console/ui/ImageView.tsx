import { useEffect, useMemo, useState } from 'react';
import { thumbHashToDataURL } from 'thumbhash';
import type { ImageFieldsFragment } from '../../gql/graphql';
import { useGateway } from '../gateway/gateway';
import { refetchImage } from '../gateway/taskEvents';
import { toRelativeUrl } from '../gateway/urls';
import { useSignal } from './signal';

interface Props {
  image: ImageFieldsFragment;
  variant: 'url' | 'preview' | 'thumbnail';
  alt: string;
  /** Load it only when it comes into view. */
  lazy?: boolean;
  /** Reads the image again where it does not come from `gateway.tasks`. */
  onBroken?: () => void;
}

const retryDelayMs = 10_000;

/**
 * An image over its blurred placeholder. Links end: when one fails to load, the image's task is read again, which mints
 * another; when the gateway was away, once more as soon as it is back.
 */
export function ImageView({ image, variant, alt, lazy = true, onBroken }: Props) {
  const gateway = useGateway();
  const { reconnects } = useSignal(gateway.connection);
  const [failed, setFailed] = useState<string | null>(null);
  const src = toRelativeUrl(image[variant]);
  const blurredUrl = useMemo(() => placeholder(image.thumbhash), [image.thumbhash]);

  useEffect(() => setFailed(null), [reconnects]);
  // The same link may work again: the store was away.
  useEffect(() => {
    if (failed !== src) return;
    const timer = setTimeout(() => setFailed(null), retryDelayMs);
    return () => clearTimeout(timer);
  }, [failed, src]);
  const handleError = () => {
    setFailed(src);
    if (onBroken) onBroken();
    else void refetchImage(gateway, image.id);
  };

  return (
    <span
      className="image-view"
      style={{ backgroundImage: blurredUrl && `url(${blurredUrl})`, aspectRatio: `${image.width} / ${image.height}` }}
    >
      {failed === src ? (
        <img alt={alt} width={image.width} height={image.height} />
      ) : (
        <img
          src={src}
          alt={alt}
          width={image.width}
          height={image.height}
          loading={lazy ? 'lazy' : 'eager'}
          decoding="async"
          draggable={false}
          onError={handleError}
        />
      )}
    </span>
  );
}

function placeholder(thumbhash: string | null): string | undefined {
  if (thumbhash === null) return undefined;
  return thumbHashToDataURL(Uint8Array.from(atob(thumbhash), (letter) => letter.charCodeAt(0)));
}
