import { useEffect, useId, useLayoutEffect, useRef, useState, type ReactNode } from 'react';

interface Props {
  /** What the button shows. */
  button: ReactNode;
  /** The button's name, where what it shows does not say it. */
  name?: string;
  /** The id of what says more of what it is about. */
  about?: string;
  className?: string;
  /** Opens towards the start of the line, where there is no room at its end. */
  end?: boolean;
  children: ReactNode | ((close: () => void) => ReactNode);
}

/** A button with a panel under it, which closes with Escape, or when the user goes on elsewhere. */
export function Panel({ button, name, about, className, end = false, children }: Props) {
  const [open, setOpen] = useState(false);
  const id = useId();
  const anchor = useRef<HTMLDivElement>(null);
  const close = () => {
    setOpen(false);
    anchor.current?.querySelector('button')?.focus();
  };
  const panel = useInsideWindow(open);
  useElsewhere(anchor, open, () => setOpen(false));

  return (
    <div
      ref={anchor}
      className={end ? 'panel-anchor end' : 'panel-anchor'}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && open) close();
      }}
    >
      <button
        type="button"
        className={className}
        aria-label={name}
        aria-describedby={about}
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        {button}
      </button>
      {open && (
        <div ref={panel} id={id} className="panel" role="group" aria-label={name}>
          {typeof children === 'function' ? children(close) : children}
        </div>
      )}
    </div>
  );
}

const margin = 16;

/** Shifts what opens near the edge of the window back into it. */
function useInsideWindow(open: boolean) {
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (!panel.current) return;
    const shown = panel.current;
    const shift = () => {
      shown.style.translate = '';
      const { left, right } = shown.getBoundingClientRect();
      const most = document.documentElement.clientWidth - margin - right;
      shown.style.translate = `${Math.max(Math.min(most, 0), margin - left)}px`;
    };
    shift();
    shown.scrollIntoView({ block: 'nearest' });
    addEventListener('resize', shift);
    return () => removeEventListener('resize', shift);
  }, [open]);
  return panel;
}

function useElsewhere(anchor: { current: HTMLElement | null }, listening: boolean, onElsewhere: () => void) {
  const latest = useRef(onElsewhere);
  useEffect(() => {
    latest.current = onElsewhere;
  });
  useEffect(() => {
    if (!listening) return;
    const look = ({ target }: Event) => {
      if (!anchor.current?.contains(target as Node)) latest.current();
    };
    document.addEventListener('pointerdown', look);
    document.addEventListener('focusin', look);
    return () => {
      document.removeEventListener('pointerdown', look);
      document.removeEventListener('focusin', look);
    };
  }, [anchor, listening]);
}
