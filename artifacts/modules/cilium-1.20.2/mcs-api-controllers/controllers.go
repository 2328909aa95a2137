// Package controllers has the only name of the controllers of the Multi-Cluster Services API that Cilium uses.
package controllers

// DerivedServiceAnnotation is the annotation of a ServiceImport with the name of its Service.
const DerivedServiceAnnotation = "multicluster.kubernetes.io/derived-service"
