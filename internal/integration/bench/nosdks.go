//go:build !peers

package main

const leftOut = "The typed SDKs, stripe-go and openai-go, are left out: they need -tags peers.\n"

func (t target) sdks() []peer { return nil }
