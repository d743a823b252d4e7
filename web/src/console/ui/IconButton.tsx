import { Icon, type IconName } from './Icon';

interface Props {
  icon: IconName;
  /** Accessible name: what the button does, and to what. */
  label: string;
  /** Tooltip: what the button does. */
  title?: string;
  /** The id of an element that describes what the button acts on, such as a prompt. */
  describedBy?: string;
  className?: string;
  busy?: boolean;
  disabled?: boolean;
  onClick: () => void;
}

export function IconButton({ icon, label, title, describedBy, className = '', busy, disabled, onClick }: Props) {
  return (
    <button
      type="button"
      className={`icon-button ${className}`}
      aria-label={label}
      aria-describedby={describedBy}
      title={title}
      aria-busy={busy}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} />
    </button>
  );
}
