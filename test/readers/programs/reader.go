// SPDX-License-Identifier: ISC

// What Go's net/mail and mime make of values. See ../README.md.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"os"
	"regexp"
	"strings"
)

var links = regexp.MustCompile(`(?:https?|mailto):[^\s<>"']+`)

func addresses(list []*mail.Address) []string {
	found := []string{}
	for _, address := range list {
		found = append(found, address.Address)
	}
	return found
}

func authors(value []byte) interface{} {
	shown := map[string][]string{}
	message, err := mail.ReadMessage(bytes.NewReader(append(append([]byte("From:"), value...), "\r\n\r\n"...)))
	if err != nil {
		return shown
	}
	if list, err := message.Header.AddressList("From"); err == nil {
		shown["AddressList"] = addresses(list)
	}
	return shown
}

type part struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Disposition string `json:"disposition"`
	Depth       int    `json:"depth"`
}

// The parts of an entity from top to bottom, and the links in them.
func walk(header textproto.MIMEHeader, body io.Reader, depth int, parts *[]part, found *[]string) {
	kind, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		kind = "text/plain"
	}
	disposition, more, _ := mime.ParseMediaType(header.Get("Content-Disposition"))
	name := more["filename"]
	if name == "" {
		name = parameters["name"]
	}
	*parts = append(*parts, part{kind, name, disposition, depth})
	if strings.HasPrefix(kind, "multipart/") && depth < 10 {
		reader := multipart.NewReader(body, parameters["boundary"])
		for {
			next, err := reader.NextRawPart()
			if err != nil {
				return
			}
			walk(next.Header, next, depth+1, parts, found)
		}
	}
	if strings.HasPrefix(kind, "text/") {
		switch strings.ToLower(strings.TrimSpace(header.Get("Content-Transfer-Encoding"))) {
		case "base64":
			body = base64.NewDecoder(base64.StdEncoding, body)
		case "quoted-printable":
			body = quotedprintable.NewReader(body)
		}
		text, _ := io.ReadAll(body)
		*found = append(*found, links.FindAllString(string(text), -1)...)
	}
}

func whole(octets []byte) interface{} {
	shown := map[string]interface{}{}
	message, err := mail.ReadMessage(bytes.NewReader(octets))
	if err != nil {
		return shown
	}
	view := map[string]interface{}{"subject": nil, "date": nil}
	words := new(mime.WordDecoder)
	if subject, err := words.DecodeHeader(message.Header.Get("Subject")); err == nil {
		view["subject"] = subject
	}
	if date, err := message.Header.Date(); err == nil {
		view["date"] = date.Unix()
	}
	for _, name := range []string{"From", "Sender", "Reply-To", "To", "Cc", "Resent-From"} {
		if list, err := message.Header.AddressList(name); err == nil {
			view[name] = addresses(list)
		}
	}
	view["unsubscribe"] = links.FindAllString(message.Header.Get("List-Unsubscribe"), -1)
	parts, found := []part{}, []string{}
	walk(textproto.MIMEHeader(message.Header), message.Body, 0, &parts, &found)
	view["structure"] = parts
	view["links"] = found
	shown["net/mail"] = view
	return shown
}

func main() {
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		value, err := base64.StdEncoding.DecodeString(strings.TrimSpace(line[2:]))
		if err != nil {
			panic(err)
		}
		if line[0] == 'F' {
			out.Encode(authors(value))
		} else {
			out.Encode(whole(value))
		}
	}
}
