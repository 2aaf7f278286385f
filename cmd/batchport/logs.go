package main

import (
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"github.com/batchport/batchport/adapters/telemetry"
)

// logConfig says what is logged, and how.
type logConfig struct{ format, level *string }

func addLogFlags(cmd *cobra.Command) logConfig {
	return logConfig{
		format: cmd.Flags().String("log-format", "text", "text or json"),
		level:  cmd.Flags().String("log-level", "info", "debug, info, warn or error"),
	}
}

// open returns the log that is written to w. Lines about a request that is
// traced have its trace_id.
func (c logConfig) open(w io.Writer) (*slog.Logger, error) {
	levels := map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
	level, known := levels[*c.level]
	if !known {
		return nil, fmt.Errorf("--log-level is %q, want debug, info, warn or error", *c.level)
	}
	options := &slog.HandlerOptions{Level: level}
	switch *c.format {
	case "text":
		return slog.New(telemetry.LogHandler(slog.NewTextHandler(w, options))), nil
	case "json":
		return slog.New(telemetry.LogHandler(slog.NewJSONHandler(w, options))), nil
	}
	return nil, fmt.Errorf("--log-format is %q, want text or json", *c.format)
}
