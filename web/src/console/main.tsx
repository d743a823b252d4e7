import './styles/index.css';
import { createRoot } from 'react-dom/client';
import { loadConfig } from '../config';
import { App } from './App';
import { StartupError } from './StartupError';

const root = createRoot(document.getElementById('root')!);

try {
  root.render(<App config={await loadConfig()} />);
} catch (error) {
  root.render(<StartupError reason={error instanceof Error ? error.message : String(error)} />);
}
